from_tfvars = "one"
from_auto   = "loses"
nulled      = null
