"""The bytes of layers: each blob is a file of its own, written once under a key that is never used again.

Start with the port, `store`; `files` is its implementation on a disk. `writing` brings one blob there, and turns
the errors of a full or failing disk into refusals. Which digest a key holds is a row of the catalog, which this
package does not import. May import `http` and lower layers.
"""
