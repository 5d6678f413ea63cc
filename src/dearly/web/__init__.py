"""The desk in the browser: pages rendered here, small modules of script beside them, nothing from anywhere else."""
