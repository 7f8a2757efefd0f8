"""Files of clinical codes and the words that go with them; each entry says where its code was verified."""
