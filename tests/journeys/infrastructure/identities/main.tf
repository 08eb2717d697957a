terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "description" {
  default = "builds images"
}

variable "actions" {
  type    = list(string)
  default = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
}

variable "team" {
  default = "blue"
}
data "aws_caller_identity" "me" {}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.me.account_id]
    }
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}
data "aws_iam_policy_document" "pull" {
  statement {
    sid       = "Pull"
    actions   = var.actions
    resources = ["arn:aws:ecr:*:${data.aws_caller_identity.me.account_id}:repository/team/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["blue"]
    }
  }
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
}
resource "aws_iam_user" "ann" {
  name                 = "ann"
  path                 = "/staff/"
  tags                 = { team = var.team }
  permissions_boundary = aws_iam_policy.bound.arn
  force_destroy        = true
}
resource "aws_iam_access_key" "ann" { user = aws_iam_user.ann.name }
resource "aws_iam_user_policy" "ann" {
  user   = aws_iam_user.ann.name
  name   = "pull"
  policy = data.aws_iam_policy_document.pull.json
}
resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = aws_iam_policy.pull.arn
}
resource "aws_iam_group" "staff" { name = "staff" }
resource "aws_iam_group_membership" "staff" {
  name  = "staff"
  group = aws_iam_group.staff.name
  users = [aws_iam_user.ann.name]
}
resource "aws_iam_group_policy" "staff" {
  group  = aws_iam_group.staff.name
  name   = "pull"
  policy = data.aws_iam_policy_document.pull.json
}
resource "aws_iam_group_policy_attachment" "staff" {
  group      = aws_iam_group.staff.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
}
resource "aws_iam_policy" "pull" {
  name        = "pull"
  description = "pulls"
  policy      = data.aws_iam_policy_document.pull.json
}
resource "aws_iam_policy" "bound" {
  name   = "bound"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ecr:*", Resource = "*" }] })
}
resource "aws_iam_role" "build" {
  name                 = "build"
  description          = var.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.bound.arn
}
resource "aws_iam_role_policy" "build" {
  role   = aws_iam_role.build.id
  name   = "push"
  policy = data.aws_iam_policy_document.pull.json
}
resource "aws_iam_role_policy_attachment" "build" {
  role       = aws_iam_role.build.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
}
resource "aws_iam_instance_profile" "build" {
  name = "build"
  role = aws_iam_role.build.name
}
resource "aws_iam_account_alias" "us" { account_alias = "acme-journey" }
resource "aws_iam_service_linked_role" "replication" {
  aws_service_name = "replication.ecr.amazonaws.com"
  description      = var.description
}
data "aws_iam_role" "build" { name = aws_iam_role.build.name }
data "aws_iam_user" "ann" { user_name = aws_iam_user.ann.name }
data "aws_iam_group" "staff" { group_name = aws_iam_group_membership.staff.group }
data "aws_iam_policy" "read" { name = "AmazonEC2ContainerRegistryReadOnly" }
data "aws_iam_account_alias" "us" { depends_on = [aws_iam_account_alias.us] }
data "aws_iam_instance_profile" "build" { name = aws_iam_instance_profile.build.name }
data "aws_iam_session_context" "me" { arn = data.aws_caller_identity.me.arn }
data "aws_iam_roles" "all" { depends_on = [aws_iam_role.build] }
data "aws_iam_access_keys" "ann" {
  user       = aws_iam_user.ann.name
  depends_on = [aws_iam_access_key.ann]
}
output "me" { value = data.aws_caller_identity.me.arn }
output "group" { value = [for u in data.aws_iam_group.staff.users : u.user_name] }

# --- passwords, memberships, providers, and a policy that hangs on several --------------------------------

resource "aws_iam_user" "bob" {
  name = "bob"
}

resource "aws_iam_user_login_profile" "bob" {
  user            = aws_iam_user.bob.name
  password_length = 20
}

resource "aws_iam_user_group_membership" "bob" {
  user   = aws_iam_user.bob.name
  groups = [aws_iam_group.readers.name]
}

resource "aws_iam_group" "readers" {
  name = "readers"
  path = "/teams/"
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://ci.example.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
}

resource "aws_iam_role" "ci" {
  name_prefix        = "ci-"
  path               = "/ci/"
  assume_role_policy = data.aws_iam_policy_document.ci.json
}

data "aws_iam_policy_document" "ci" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.ci.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "ci.example.com:sub"
      values   = ["repo:acme/api"]
    }
  }
}

resource "aws_iam_policy" "push" {
  name_prefix = "push-"
  path        = "/ci/"
  policy      = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ecr:*", Resource = "*" }] })
}

resource "aws_iam_policy_attachment" "push" {
  name       = "push"
  policy_arn = aws_iam_policy.push.arn
  groups     = [aws_iam_group.readers.name]
  roles      = [aws_iam_role.ci.name]
}

data "aws_iam_principal_policy_simulation" "bob" {
  action_names      = ["ecr:PutImage"]
  policy_source_arn = aws_iam_user.bob.arn
  depends_on        = [aws_iam_policy_attachment.push, aws_iam_user_group_membership.bob]
}

output "bob_may_push" {
  value = data.aws_iam_principal_policy_simulation.bob.all_allowed
}
