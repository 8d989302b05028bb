"""What the commands found, made into what the forms for CI are written of; a module for each kind of answer."""
