"""The process that holds the model. It runs on the standard library and xllamacpp alone, as the package `worker`."""
