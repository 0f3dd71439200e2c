"""Ready-made targets: records that people often need from text.

Each module documents one target, the class that bears its name, with a text it reads. Use one as
it is (`structgen extract structgen.schemas.invoice:Invoice letter.txt`), subclass it, or copy the
file and change it: they are plain Pydantic models. They share a few habits:

- What a text may leave out is optional, and null means "not stated". Nothing asks a model to guess.
- Money is a Decimal beside its currency; dates are dates; where texts are often vague ("spring
  2021"), the field is a string that is copied.
- Enums have an `other`, so that no text is forced into a wrong class.
"""
