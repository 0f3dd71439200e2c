"""What is known of models: facts with dates, prices, levels of reasoning."""
