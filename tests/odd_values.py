"""What a person, a custom database or an import may put into one field: as JSON's text has it."""

ODD_VALUES = {
    "objects": '{"a":' * 300 + "1" + "}" * 300,
    "lists": "[" * 40_000 + "]" * 40_000,
    "both": '[{"a":' * 3000 + "1" + "}]" * 3000,
    "number": "9" * 5000,
    "infinite": "-1e99999",
    "no_number": "NaN",
    "half_an_emoji": '{"\\ud83d": "\\udc00"}',
    "keys": "{" + ",".join(f'"k{each}":0' for each in range(10_000)) + "}",
}
"""By their names. More in a document than it may be long is another test's."""
