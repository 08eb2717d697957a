# What terraform-aws-modules/ecr sets unless it is told otherwise, with the lifecycle policy of its example.

resource "aws_ecr_repository" "module" {
  name                 = "ecr-ex-complete"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  tags                 = { Name = "ecr-ex-complete", Repository = "https://github.com/terraform-aws-modules/terraform-aws-ecr" }

  encryption_configuration {
    encryption_type = null
    kms_key         = null
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "module" {
  repository = aws_ecr_repository.module.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1,
        description  = "Keep last 30 images",
        selection = {
          tagStatus     = "tagged",
          tagPrefixList = ["v"],
          countType     = "imageCountMoreThan",
          countNumber   = 30
        },
        action = {
          type = "expire"
        }
      }
    ]
  })
}

resource "aws_ecr_repository_policy" "module" {
  repository = aws_ecr_repository.module.name
  policy     = data.aws_iam_policy_document.module.json
}

data "aws_iam_policy_document" "module" {
  statement {
    sid = "PrivateReadOnly"

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    actions = [
      "ecr:GetAuthorizationToken",
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetLifecyclePolicy",
      "ecr:GetLifecyclePolicyPreview",
      "ecr:GetRepositoryPolicy",
      "ecr:ListImages",
      "ecr:ListTagsForResource",
    ]
  }

  statement {
    sid = "ReadWrite"

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    actions = [
      "ecr:PutImage",
      "ecr:InitiateLayerUpload",
      "ecr:UploadLayerPart",
      "ecr:CompleteLayerUpload",
    ]
  }
}

# What cloudposse/ecr sets unless it is told otherwise, with a protected tag, principals and organizations.

resource "aws_ecr_repository" "name" {
  for_each             = toset(["eg-prod-app", "eg-prod-web"])
  name                 = each.value
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false
  tags                 = { Name = each.value, Namespace = "eg", Stage = "prod" }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "name" {
  for_each   = aws_ecr_repository.name
  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Protects images tagged with prod"
        selection = {
          tagStatus     = "tagged"
          tagPrefixList = ["prod"]
          countType     = "imageCountMoreThan"
          countNumber   = 999999
        }
        action = {
          type = "expire"
        }
      },
      {
        rulePriority = 2
        description  = "Remove untagged images"
        selection = {
          tagStatus   = "untagged"
          countType   = "imageCountMoreThan"
          countNumber = 1
        }
        action = {
          type = "expire"
        }
      },
      {
        rulePriority = 3
        description  = "Rotate images when reach 500 images stored",
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = 500
        }
        action = {
          type = "expire"
        }
      },
    ]
  })
}

resource "aws_ecr_repository_policy" "name" {
  for_each   = aws_ecr_repository.name
  repository = each.value.name
  policy     = data.aws_iam_policy_document.name.json
}

data "aws_iam_policy_document" "name" {
  source_policy_documents   = [data.aws_iam_policy_document.reading.json]
  override_policy_documents = [data.aws_iam_policy_document.everything.json, data.aws_iam_policy_document.organizations.json]
}

data "aws_iam_policy_document" "reading" {
  statement {
    sid    = "ReadonlyAccess"
    effect = "Allow"

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.reader.arn]
    }

    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetLifecyclePolicy",
      "ecr:GetLifecyclePolicyPreview",
      "ecr:GetRepositoryPolicy",
      "ecr:ListImages",
      "ecr:ListTagsForResource",
    ]
  }
}

data "aws_iam_policy_document" "everything" {
  statement {
    sid    = "FullAccess"
    effect = "Allow"

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }

    actions = ["ecr:*"]
  }
}

data "aws_iam_policy_document" "organizations" {
  statement {
    sid    = "OrganizationsReadonlyAccess"
    effect = "Allow"

    principals {
      identifiers = ["*"]
      type        = "*"
    }

    condition {
      test     = "StringEquals"
      values   = ["o-abcdefghij"]
      variable = "aws:PrincipalOrgID"
    }

    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
    ]
  }
}

resource "aws_iam_role" "reader" {
  name = "reader"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
