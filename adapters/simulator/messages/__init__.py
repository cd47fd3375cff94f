"""The messaging side of the stand-in: WhatsApp, Messenger, Instagram and 360dialog over HTTP, and their webhooks."""
