"""What a person does, one module for each kind of act; the only room that joins the others."""
