//! What pictures carry beside the picture.
