"""What a person types: `pt` and its verbs.

`main.py` gathers the verbs, `output.py` decides what goes to which stream, `settings.py` turns options into settings
or a refusal; the other modules hold one family of verbs each. No verb decides: it asks a flow and shows the answer.
"""
