"""A self-hosted container registry that speaks Amazon ECR and replicates under its service-linked role."""

__version__ = "0.1.0"
