"""The report of an evaluation: `report.json`, a Markdown table and one HTML page."""
