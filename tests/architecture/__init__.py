"""What holds of the code as a whole: its floors, its circles, its rows, its sizes."""
