"""The configuration document of an integration: shape, versions, effects, publishing."""
