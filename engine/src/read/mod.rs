//! Reading items in order: which slice of a table or index ([`KeyRange`]), and one page of it
//! ([`read_page`]), and a walk over all keys with a prefix ([`Pages`]).

mod key_range;
mod page;
mod pages;

pub(crate) use key_range::{KeyRange, SortPlace, end_of, just_above, key_range};
pub(crate) use page::{Keep, Page, PageRequest, read_page};
pub(crate) use pages::Pages;
