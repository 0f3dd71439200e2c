"""A security advisory: what is vulnerable, how badly, and what to do.

Example text::

    CVE-2024-0001: a heap overflow in libquill's JPEG decoder (CWE-787, CVSS 8.8
    CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H) lets a crafted image run code. Versions 2.0 up
    to and including 2.4.1 are affected; 2.4.2 fixes it. Workaround: disable JPEG. Exploited in
    the wild since January. Reported by Mina Castellanos. Published 2024-02-12.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["AffectedProduct", "SecurityAdvisory", "Vulnerability"]


class AffectedProduct(BaseModel):
    """A product and its versions."""

    vendor: str | None = Field(None, description="Maker")
    name: str = Field(description="Product or package")
    affected_versions: list[str] = Field(
        default=[], description='Vulnerable versions and ranges, as written, such as "2.0 to 2.4.1"'
    )
    fixed_versions: list[str] = Field(default=[], description="Versions with the fix")
    platform: str | None = Field(
        None, description="Operating system or hardware, where only some are affected"
    )


class Vulnerability(BaseModel):
    """One vulnerability."""

    ids: list[str] = Field(default=[], description='Identifiers, such as "CVE-2024-0001"')
    cwe: list[str] = Field(default=[], description='Weakness classes, such as "CWE-787"')
    summary: str = Field(description="What the fault is and what it allows, in one sentence")
    severity: Literal["none", "low", "medium", "high", "critical"] | None = Field(
        None, description="Severity, as the text rates it"
    )
    cvss_score: float | None = Field(None, description="CVSS base score, 0 to 10")
    cvss_vector: str | None = Field(None, description='CVSS vector, such as "CVSS:3.1/AV:N/..."')
    impact: list[
        Literal[
            "code execution",
            "privilege escalation",
            "information disclosure",
            "denial of service",
            "tampering",
            "bypass",
            "other",
        ]
    ] = Field(default=[], description="What an attacker gains")
    remote: bool | None = Field(None, description="Can it be exploited over a network?")
    authentication_needed: bool | None = Field(None, description="Must the attacker be logged in?")
    exploited: bool | None = Field(None, description="Is it known to be exploited in the wild?")
    exploit_public: bool | None = Field(None, description="Is exploit code public?")


class SecurityAdvisory(BaseModel):
    """A security advisory."""

    advisory_id: str | None = Field(None, description="The publisher's number of the advisory")
    title: str = Field(description="Title or subject")
    publisher: str | None = Field(None, description="Who published it")
    published: date | None = Field(None, description="Day of first publication")
    updated: date | None = Field(None, description="Day of the last change")
    vulnerabilities: list[Vulnerability] = Field(description="The vulnerabilities")
    products: list[AffectedProduct] = Field(description="What is affected")
    mitigations: list[str] = Field(default=[], description="Fixes and workarounds, one entry each")
    credits: list[str] = Field(default=[], description="Who found or reported it")
    references: list[str] = Field(default=[], description="Links to more")
