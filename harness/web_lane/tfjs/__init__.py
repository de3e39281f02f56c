"""TF.js as the web lane measures it: for the drivers that run it in browsers and elsewhere."""
