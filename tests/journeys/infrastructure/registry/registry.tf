# Each setting of a registry.

resource "aws_ecr_registry_policy" "this" {
  policy = data.aws_iam_policy_document.registry.json
}

data "aws_iam_policy_document" "registry" {
  statement {
    sid       = "Replication"
    actions   = ["ecr:ReplicateImage", "ecr:CreateRepository"]
    resources = ["arn:aws:ecr:eu-west-1:${local.account}:repository/*"]

    principals {
      type        = "AWS"
      identifiers = [for each in var.readers : "arn:aws:iam::${each}:root"]
    }
  }

  statement {
    sid       = "dockerhub"
    actions   = ["ecr:CreateRepository", "ecr:BatchImportUpstreamImage"]
    resources = ["arn:aws:ecr:eu-west-1:${local.account}:repository/dockerhub/*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }
}

resource "aws_ecr_registry_scanning_configuration" "this" {
  scan_type = var.scan_type

  rule {
    scan_frequency = "SCAN_ON_PUSH"

    repository_filter {
      filter      = "example1"
      filter_type = "WILDCARD"
    }

    repository_filter {
      filter      = "prod-*"
      filter_type = "WILDCARD"
    }
  }

  dynamic "rule" {
    for_each = var.scan_type == "ENHANCED" ? ["CONTINUOUS_SCAN"] : []

    content {
      scan_frequency = rule.value

      repository_filter {
        filter      = "example"
        filter_type = "WILDCARD"
      }
    }
  }
}

resource "aws_ecr_replication_configuration" "this" {
  replication_configuration {
    rule {
      destination {
        region      = "us-east-1"
        registry_id = local.account
      }

      destination {
        region      = "us-east-1"
        registry_id = "222222222222"
      }

      dynamic "repository_filter" {
        for_each = var.replicated

        content {
          filter      = repository_filter.value
          filter_type = "PREFIX_MATCH"
        }
      }
    }
  }
}

resource "aws_ecr_account_setting" "scope" {
  name  = "REGISTRY_POLICY_SCOPE"
  value = var.scope
}

resource "aws_ecr_account_setting" "scans" {
  name  = "BASIC_SCAN_TYPE_VERSION"
  value = "AWS_NATIVE"
}

# --- creation templates -----------------------------------------------------------------------------------

resource "aws_ecr_repository_creation_template" "prod" {
  prefix               = "prod"
  description          = "Production"
  image_tag_mutability = var.mutability
  custom_role_arn      = aws_iam_role.creator.arn
  applied_for          = var.purposes
  lifecycle_policy     = data.aws_ecr_lifecycle_policy_document.api.json
  repository_policy    = data.aws_iam_policy_document.readers.json
  resource_tags        = var.tags

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.key
  }
}

resource "aws_ecr_repository_creation_template" "root" {
  prefix      = "ROOT"
  applied_for = ["PULL_THROUGH_CACHE"]

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_repository_creation_template" "bare" {
  prefix               = "bare"
  applied_for          = ["REPLICATION", "PULL_THROUGH_CACHE"]
  description          = var.sparse ? null : "Not yet bare"
  image_tag_mutability = var.sparse ? null : "IMMUTABLE"
  custom_role_arn      = var.sparse ? null : aws_iam_role.creator.arn
  lifecycle_policy     = var.sparse ? null : data.aws_ecr_lifecycle_policy_document.api.json
  repository_policy    = var.sparse ? null : data.aws_iam_policy_document.readers.json
  resource_tags        = var.sparse ? null : { Name = "bare" }
}

resource "aws_iam_role" "creator" {
  name = "creator"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecr.amazonaws.com" } }]
  })
}

data "aws_ecr_repository_creation_template" "prod" {
  prefix = aws_ecr_repository_creation_template.prod.prefix
}

output "template" {
  value = {
    purposes = data.aws_ecr_repository_creation_template.prod.applied_for
    role     = data.aws_ecr_repository_creation_template.prod.custom_role_arn
    tags     = data.aws_ecr_repository_creation_template.prod.resource_tags
    key      = data.aws_ecr_repository_creation_template.prod.encryption_configuration[0].kms_key
  }
}
