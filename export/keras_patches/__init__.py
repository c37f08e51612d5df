"""Operations and layers of Keras written anew where no converter or CPU takes the stock ones."""
