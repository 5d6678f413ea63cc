"""What a person does, one module per verb; the only room that joins the others."""
