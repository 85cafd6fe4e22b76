//! Enums that the API and the database write as words.

/// Gives an enum `word` and `from_word`, from one list of both.
macro_rules! words {
    ($name:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// As the API and the database write it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads [`Self::word`] back.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
#[expect(unreachable_pub, reason = "what the macro makes is public")]
mod tests {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Light {
        Red,
        Green,
    }
    words!(Light { Red = "red", Green = "green" });

    #[test]
    fn words_are_read_back() {
        for (light, word) in [(Light::Red, "red"), (Light::Green, "green")] {
            assert_eq!((light.word(), Light::from_word(word)), (word, Some(light)));
        }
        assert_eq!(Light::from_word("Red"), None);
    }
}
