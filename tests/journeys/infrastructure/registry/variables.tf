# What the journey changes.

variable "mutability" {
  default = "MUTABLE"
}

variable "scan_on_push" {
  type    = bool
  default = true
}

variable "kept" {
  type    = number
  default = 30
}

variable "tags" {
  type    = map(string)
  default = { Name = "api", Team = "blue" }
}

variable "readers" {
  type    = list(string)
  default = ["222222222222"]
}

variable "scan_type" {
  default = "BASIC"
}

variable "replicated" {
  type    = list(string)
  default = ["team/", "prod-"]
}

variable "purposes" {
  type    = list(string)
  default = ["REPLICATION"]
}

variable "sparse" {
  type        = bool
  default     = false
  description = "take from the template bare what a template may lack"
}

variable "scope" {
  default = "V2"
}

variable "pushed" {
  type        = bool
  default     = false
  description = "read the image v1 of team/api"
}

data "aws_caller_identity" "me" {}
data "aws_partition" "this" {}

locals {
  account = data.aws_caller_identity.me.account_id
  root    = "arn:${data.aws_partition.this.partition}:iam::${local.account}:root"
  key     = "arn:aws:kms:eu-west-1:${local.account}:key/0a1b2c3d-0000-4000-8000-000000000000"
}
