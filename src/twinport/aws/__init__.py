"""AWS's wire: Signature Version 4, and the JSON 1.1 and Query protocols over shapes compiled from AWS's service models.

Start with `dispatch`, from an HTTP request to a handler and back. `shapes` reads the compiled models (aws/models);
`validate` checks each input against them, before any handler runs. May import `model` and lower layers.
"""
