use std::error::Error;

use tower_svix::{HeaderFamily, Secret, SvixVerifyLayer};

pub fn layer(text: &str) -> Result<SvixVerifyLayer, Box<dyn Error>> {
    let names = HeaderFamily::named("finch-event-id", "finch-timestamp", "finch-signature")?;
    Ok(SvixVerifyLayer::new(text.parse::<Secret>()?).header_family(names))
}
