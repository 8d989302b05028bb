"""What developers run: writing documents and recordings anew, laying out other QEMUs."""
