//! Names of the API's model as names of Rust.

/// `SSESpecification` as `sse_specification`, `eventID` as `event_id`.
pub fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let starts_word = letter.is_uppercase()
            && index > 0
            && (!letters[index - 1].is_uppercase()
                || letters.get(index + 1).is_some_and(|next| next.is_lowercase()));
        if starts_word && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// A member's name as a field: [`snake`], raw where it is a keyword.
pub fn field(name: &str) -> String {
    let snake = snake(name);
    match snake.as_str() {
        "type" | "match" | "ref" | "use" | "in" | "as" | "where" | "mod" | "move" | "enum" | "struct" => {
            format!("r#{snake}")
        }
        _ => snake,
    }
}

/// `PAY_PER_REQUEST` as `PayPerRequest`, `rds:cluster:ReadReplicaCount` as `RdsClusterReadReplicaCount`;
/// `ConditionalCheckFailed` stays.
pub fn variant(value: &str) -> String {
    if value.chars().any(|letter| letter.is_lowercase()) {
        return value.split(['-', '.', ':', '/']).map(capitalised).collect();
    }
    value
        .split(['_', '-', '.'])
        .map(|word| capitalised(&word.to_lowercase()))
        .collect()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect::<String>())
        .unwrap_or_default()
}

/// `TableName` as the service's messages spell it: `tableName`.
pub fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}
