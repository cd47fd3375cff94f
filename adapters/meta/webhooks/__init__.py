"""What Meta's platforms post to us, read: signed or not, split into single items, each item a fact of ours.

Pure functions over bytes and JSON; nothing here knows a database. WhatsApp comes the same through 360dialog.
"""
