"""Facts: vocabulary, readers, mappings, the intake and the lake."""
