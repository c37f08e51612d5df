"""int8 files of small trained networks beside those of the stock tools."""
