"""From domain XML to a checked command line: the pipeline, its steps and its answer; all other rooms are below."""
