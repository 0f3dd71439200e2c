"""A security advisory, read into a typed record.

The text in `advisory.txt` is an advisory of the US Cybersecurity and Infrastructure Security Agency
(public domain).

    structgen extract examples/advisory.py:Advisory examples/advisory.txt
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Advisory(BaseModel):
    """One security advisory about an industrial product."""

    title: str = Field(description="Title of the advisory, its first line.")
    vendor: str = Field(description="Company that makes the product.")
    cve: Annotated[str, Field(pattern=r"^CVE-\d{4}-\d{4,7}$", description="The CVE number.")]
    headquarters: str | None = Field(
        default=None, description="Country of the company's headquarters."
    )
    attack: Literal["remote code execution", "denial of service", "data theft"] = Field(
        description="What an attacker could achieve."
    )
