"""Data mix -> SFT -> preference pairs -> DPO -> RLVR."""
