"""What everybody who renders tables shares: names that cannot act, news, notes said once."""
