package board

// Sought is what somebody knows of a person before any call (B-22). Fields go before what the card says.
type Sought struct {
	Number, Name, Email, Website, IP, Company, JobTitle, Address string

	VCard string // one business card as text, vCard 3.0 or 4.0
}

// Found are the claims that it makes, and the items where it says more than there are fields.
type Found struct {
	Claims []NewClaim
	Items  []NewItem
}
