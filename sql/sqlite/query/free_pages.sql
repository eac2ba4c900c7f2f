SELECT freelist_count FROM pragma_freelist_count()
