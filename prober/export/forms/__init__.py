"""What was found, in the forms that CI systems read: SARIF, JUnit's XML, GitHub's workflow commands.

Each form is a pure function of a :class:`~prober.export.forms.model.FormReport`.
"""
