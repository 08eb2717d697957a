# Each setting of a repository.

resource "aws_ecr_repository" "plain" {
  name = "team/plain"
}

resource "aws_ecr_repository" "api" {
  name                 = "team/api"
  image_tag_mutability = var.mutability
  force_delete         = true
  tags                 = var.tags

  image_scanning_configuration {
    scan_on_push = var.scan_on_push
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_repository" "key" {
  name = "team/key"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = local.key
  }
}

resource "aws_ecr_repository" "own_key" {
  name = "team/own-key"

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_repository" "twice" {
  name = "team/twice"

  encryption_configuration {
    encryption_type = "KMS_DSSE"
    kms_key         = local.key
  }
}

# --- policies ---------------------------------------------------------------------------------------------

resource "aws_ecr_lifecycle_policy" "api" {
  repository = aws_ecr_repository.api.name
  policy     = data.aws_ecr_lifecycle_policy_document.api.json
}

data "aws_ecr_lifecycle_policy_document" "api" {
  rule {
    priority    = 3
    description = "The rest, in time"

    selection {
      tag_status   = "any"
      count_type   = "sinceImagePushed"
      count_unit   = "days"
      count_number = 365
    }
  }

  rule {
    priority    = 1
    description = "Releases"

    selection {
      tag_status      = "tagged"
      tag_prefix_list = ["v", "release"]
      count_type      = "imageCountMoreThan"
      count_number    = var.kept
    }
  }

  rule {
    priority = 2

    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["*-rc*", "nightly-*"]
      count_type       = "sinceImagePushed"
      count_unit       = "days"
      count_number     = 14
    }

    action {
      type = "expire"
    }
  }
}

# Written by hand, out of order.
resource "aws_ecr_lifecycle_policy" "plain" {
  repository = aws_ecr_repository.plain.name
  policy     = <<-EOF
    {
      "rules": [
        {
          "rulePriority": 20,
          "selection": { "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14 },
          "action": { "type": "expire" }
        },
        {
          "action": { "type": "expire" },
          "selection": { "countNumber": 10, "tagPrefixList": ["w", "v"], "countType": "imageCountMoreThan", "tagStatus": "tagged" },
          "description": "Keep ten",
          "rulePriority": 10
        }
      ]
    }
  EOF
}

resource "aws_ecr_repository_policy" "api" {
  repository = aws_ecr_repository.api.name
  policy     = data.aws_iam_policy_document.readers.json
}

data "aws_iam_policy_document" "readers" {
  statement {
    sid     = "Readers"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "AWS"
      identifiers = var.readers
    }
  }

  statement {
    sid     = "Lambda"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:lambda:*:222222222222:function:*"]
    }
  }

  statement {
    sid     = "NeverDelete"
    effect  = "Deny"
    actions = ["ecr:BatchDeleteImage"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

# --- data sources -----------------------------------------------------------------------------------------

data "aws_ecr_repository" "api" {
  name       = aws_ecr_repository.api.name
  depends_on = [aws_ecr_repository.api]
}

data "aws_ecr_repositories" "all" {
  depends_on = [
    aws_ecr_repository.plain,
    aws_ecr_repository.api,
    aws_ecr_repository.key,
    aws_ecr_repository.own_key,
    aws_ecr_repository.twice,
    aws_ecr_repository.module,
    aws_ecr_repository.name,
  ]
}

data "aws_ecr_image" "tagged" {
  count           = var.pushed ? 1 : 0
  repository_name = aws_ecr_repository.api.name
  image_tag       = "v1"
}

data "aws_ecr_image" "latest" {
  count           = var.pushed ? 1 : 0
  repository_name = aws_ecr_repository.api.name
  most_recent     = true
}

data "aws_ecr_image" "digest" {
  count           = var.pushed ? 1 : 0
  repository_name = aws_ecr_repository.api.name
  image_digest    = data.aws_ecr_image.tagged[0].image_digest
}

data "aws_ecr_authorization_token" "token" {}

output "repository" {
  value = {
    arn       = data.aws_ecr_repository.api.arn
    url       = data.aws_ecr_repository.api.repository_url
    mutable   = data.aws_ecr_repository.api.image_tag_mutability
    scanned   = data.aws_ecr_repository.api.image_scanning_configuration[0].scan_on_push
    encrypted = data.aws_ecr_repository.api.encryption_configuration[0].encryption_type
    tags      = data.aws_ecr_repository.api.tags
    latest    = data.aws_ecr_repository.api.most_recent_image_tags
  }
}

output "names" {
  value = data.aws_ecr_repositories.all.names
}

output "keys" {
  value = [for each in [aws_ecr_repository.key, aws_ecr_repository.own_key, aws_ecr_repository.twice] : each.encryption_configuration[0].kms_key]
}

output "images" {
  value = [for each in concat(data.aws_ecr_image.tagged, data.aws_ecr_image.latest, data.aws_ecr_image.digest) : {
    digest = each.image_digest
    tags   = each.image_tags
    uri    = each.image_uri
  }]
}

output "user" {
  value     = data.aws_ecr_authorization_token.token.user_name
  sensitive = true
}

output "endpoint" {
  value = data.aws_ecr_authorization_token.token.proxy_endpoint
}
