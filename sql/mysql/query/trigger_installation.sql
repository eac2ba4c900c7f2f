SELECT installation FROM {valve} WHERE one = 1
