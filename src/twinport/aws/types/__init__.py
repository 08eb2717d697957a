"""The inputs and outputs of the operations of ECR, IAM and STS, as classes for type checkers.

tools/compile_shapes.py writes these modules: change that program, not these modules. They import nothing of
twinport.
"""
