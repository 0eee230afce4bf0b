"""One function a question, and the verbs around them: what study, command and notebooks call."""
