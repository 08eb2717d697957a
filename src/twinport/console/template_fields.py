"""The fields of a repository creation template, as typed into its form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from twinport.console import bounds, commands
from twinport.console.policy_editor import LONGEST_POLICY
from twinport.console.tag_fields import TagFields, as_option
from twinport.console.tag_rules import TagRuleFields
from twinport.console.visits import Fields
from twinport.model.creation_templates import ROOT, AppliedFor, CreationTemplate, Encryption, TemplateChanges
from twinport.model.encryption import AES256, WITH_KEYS
from twinport.model.images import TagRule
from twinport.model.lifecycle_policies import LONGEST_TEXT

_PLAIN = TagRuleFields.of(TagRule())
_NO_TAGS = TagFields()
_LONGEST_LINE = 3000


@dataclass(frozen=True, slots=True)
class TemplateFields:
    """What the form holds. `prefix` is `ROOT` for every repository; `policy` and `lifecycle` are JSON."""

    prefix: str = ""
    purposes: tuple[str, ...] = ()
    description: str = ""
    encryption: str = AES256
    kms_key: str = ""
    rule: TagRuleFields = _PLAIN
    tags: TagFields = _NO_TAGS
    policy: str = ""
    lifecycle: str = ""
    role_arn: str = ""

    @classmethod
    def of(cls, template: CreationTemplate) -> "TemplateFields":
        return cls(
            prefix=template.prefix,
            purposes=tuple(each.value for each in template.applied_for),
            description=template.description or "",
            encryption=template.encryption.kind,
            kms_key=template.encryption.key or "",
            rule=TagRuleFields.of(template.tag_rule),
            tags=TagFields(tuple(template.tags.items())),
            policy=commands.pretty_within(template.policy or "", LONGEST_POLICY),
            lifecycle=commands.pretty_within(template.lifecycle or "", LONGEST_TEXT),
            role_arn=template.role_arn or "",
        )

    @classmethod
    def parse(cls, form: Fields) -> "TemplateFields":
        return cls(
            prefix=ROOT if form.one("scope") == "any" else form.one("prefix")[:_LONGEST_LINE],
            purposes=tuple(each for each in form.all("applied") if each in AppliedFor.__members__),
            description=form.one("description")[:_LONGEST_LINE],
            encryption=form.one("encryption")[:_LONGEST_LINE],
            kms_key=form.one("kms-key")[:_LONGEST_LINE],
            rule=TagRuleFields.parse(form),
            tags=TagFields.parse(form),
            policy=form.one("policy").replace("\r\n", "\n"),
            lifecycle=form.one("lifecycle").replace("\r\n", "\n"),
            role_arn=form.one("role")[:_LONGEST_LINE],
        )

    @property
    def is_root(self) -> bool:
        return self.prefix == ROOT

    @property
    def fits_a_page(self) -> bool:
        return len(escape(self.policy + self.lifecycle)) <= bounds.MOST_ON_A_PAGE

    @property
    def unallowed(self) -> tuple[str, ...]:
        """What the template asks for and the service-linked role may not do. Empty with a custom role."""
        if self.role_arn:
            return ()
        tagging = ("ecr:TagResource",) if self.tags.rows else ()
        return tagging + (("kms:CreateGrant", "kms:DescribeKey") if self.encryption in WITH_KEYS else ())

    def problems(self) -> list[str]:
        """Return the problems with the fields that no constraint of ECR's model names as plainly."""
        found = self.rule.problems()
        if not self.prefix:
            found.insert(0, "give a prefix, or choose every repository")
        if not self.purposes:
            found.append("choose at least one purpose that the template is applied for")
        if self.encryption not in (AES256, *WITH_KEYS):
            found.append("choose an encryption type")
        if self.encryption == AES256 and self.kms_key:
            found.append("remove the KMS key, or choose an encryption type with a key: AES256 has none")
        return found

    def members(self) -> Mapping[str, Any]:
        """Return the input of the operation that stores the template, the members without a value left out."""
        encryption = {"encryptionType": self.encryption, **({"kmsKey": self.kms_key} if self.kms_key else {})}
        filters = [{"filterType": "WILDCARD", "filter": each} for each in self.rule.exclusions]
        given = {
            "description": self.description,
            "resourceTags": [{"Key": key, "Value": value} for key, value in self.tags.rows],
            "imageTagMutabilityExclusionFilters": filters,
            "repositoryPolicy": self.policy,
            "lifecyclePolicy": self.lifecycle,
            "customRoleArn": self.role_arn,
        }
        return {
            "prefix": self.prefix,
            "appliedFor": list(self.purposes),
            "encryptionConfiguration": encryption,
            "imageTagMutability": self.rule.mutability,
            **{name: value for name, value in given.items() if value},
        }

    def template(self) -> CreationTemplate:
        """Return the template. The fields must have no problems. Raises InvalidTag, TooManyTags."""
        return CreationTemplate(
            prefix=self.prefix,
            applied_for=self._applied_for,
            description=self.description or None,
            encryption=self._encryption,
            tags=self.tags.tags(),
            tag_rule=self.rule.rule(),
            policy=self.policy or None,
            lifecycle=self.lifecycle or None,
            role_arn=self.role_arn or None,
        )

    def changes(self) -> TemplateChanges:
        """Return every setting as a change: what is empty is removed. Raises InvalidTag, TooManyTags."""
        return TemplateChanges(
            applied_for=self._applied_for,
            description=self.description,
            encryption=self._encryption,
            tags=self.tags.tags(),
            mutability=self.rule.mutability,
            exclusions=self.rule.exclusions,
            policy=self.policy,
            lifecycle=self.lifecycle,
            role_arn=self.role_arn,
        )

    def options(self) -> dict[str, str]:
        """Return the options of the AWS CLI, with policies in files."""
        options = {"prefix": self.prefix or "PREFIX", "applied_for": json.dumps(self.purposes), **self.rule.options()}
        key = f",kmsKey={self.kms_key}" if self.kms_key else ""
        options["encryption_configuration"] = f"encryptionType={self.encryption}{key}"
        texts = {
            "description": self.description,
            "resource_tags": as_option(self.tags.rows) if self.tags.rows else "",
            "repository_policy": "file://policy.json" if self.policy else "",
            "lifecycle_policy": "file://lifecycle.json" if self.lifecycle else "",
            "custom_role_arn": self.role_arn,
        }
        return options | {name: text for name, text in texts.items() if text}

    @property
    def _applied_for(self) -> tuple[AppliedFor, ...]:
        return tuple(AppliedFor(each) for each in dict.fromkeys(self.purposes))

    @property
    def _encryption(self) -> Encryption:
        return Encryption(self.encryption, self.kms_key or None)
