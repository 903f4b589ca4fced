LEARNING_RATES = ("adaptive", "constant", "invscaling")
