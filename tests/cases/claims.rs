//! What is said of a file, and what is signed over it.
