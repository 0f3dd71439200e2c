"""A cooking recipe: ingredients, steps, times.

Example text::

    Lemon drizzle cake (serves 8, 1 hr). 225 g soft butter, 225 g caster sugar, 4 eggs, zest of
    1 lemon, a pinch of salt. Beat butter and sugar, add the eggs one by one. Bake 45-50 min at
    180 °C / fan 160 °C. Vegetarian.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Ingredient", "Recipe", "Step"]


class Ingredient(BaseModel):
    """One ingredient."""

    name: str = Field(description="The ingredient, without amount and preparation")
    quantity: Decimal | None = Field(
        None, description="Amount, or the lower end of a range; 0.5 for ½"
    )
    quantity_to: Decimal | None = Field(None, description="Upper end of a range")
    unit: str | None = Field(
        None, description='Unit as written, such as "g", "cup" or "pinch"; pieces have none'
    )
    preparation: str | None = Field(
        None, description='How it is prepared, such as "finely chopped"'
    )
    optional: bool = Field(False, description="Can it be left out?")
    group: str | None = Field(None, description='Part of the dish it belongs to, such as "icing"')


class Step(BaseModel):
    """One step."""

    text: str = Field(description="What to do")
    minutes: float | None = Field(None, description="Time the step takes, the lower end of a range")
    temperature: float | None = Field(None, description="Temperature of oven or pan")
    temperature_unit: Literal["C", "F"] | None = Field(None, description="Unit of the temperature")


class Recipe(BaseModel):
    """A recipe."""

    title: str = Field(description="Name of the dish")
    servings: float | None = Field(None, description="For how many people, or pieces made")
    yields: str | None = Field(None, description='Yield as written, such as "two loaves"')
    prep_minutes: float | None = Field(None, description="Time of preparation")
    cook_minutes: float | None = Field(None, description="Time of cooking or baking")
    total_minutes: float | None = Field(None, description="Time in all, where the text gives it")
    difficulty: Literal["easy", "medium", "hard"] | None = Field(
        None, description="Difficulty, where the text says it"
    )
    cuisine: str | None = Field(None, description='Cuisine, such as "British"')
    diets: list[
        Literal[
            "vegetarian",
            "vegan",
            "gluten-free",
            "dairy-free",
            "nut-free",
            "low-carb",
            "halal",
            "kosher",
            "other",
        ]
    ] = Field(default=[], description="Diets that the text says it suits")
    ingredients: list[Ingredient] = Field(description="Ingredients in their order")
    steps: list[Step] = Field(description="Steps in their order")
    equipment: list[str] = Field(default=[], description="Tools needed")
    notes: list[str] = Field(default=[], description="Tips and variations")
