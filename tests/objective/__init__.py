"""The engine against the referee, case by case."""
