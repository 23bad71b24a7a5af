"""How do external variables go with the components: outcomes that differ between them, covariates that predict them?"""
