"""The devices of a domain: one file or folder an XML element, with its model, its rules, its step and what it emits."""
