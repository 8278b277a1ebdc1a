//! Reading items in order: which slice of a table or index ([`KeyRange`]), and one page of it
//! ([`read_page`]).

mod key_range;
mod page;

pub(crate) use key_range::{KeyRange, SortPlace, end_of, just_above, key_range};
pub(crate) use page::{Keep, Page, PageRequest, read_page};
