using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;

namespace ChainOfSpot.Engine.Tests.Text;

public sealed class TokenizerSettingsTests
{
    private static TokenizerSettings Read(string json)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, json);
            return TokenizerSettings.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("""{"legacy": true}""", AfterEosRule.PrefixKept)]
    [InlineData("""{"legacy": null}""", AfterEosRule.PrefixKept)]
    [InlineData("{}", AfterEosRule.PrefixKept)]
    [InlineData("""{"legacy": false}""", AfterEosRule.PrefixStripped)]
    public void The_flag_chooses_the_rule(string json, AfterEosRule rule) => Assert.Equal(rule, Read(json).AfterEosRule);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"legacy\"")]
    [InlineData("""{"legacy": "yes"}""")]
    [InlineData("""{"legacy": 0}""")]
    public void A_wrong_file_is_refused(string json) => Assert.Throws<InvalidDataException>(() => Read(json));

    [Fact]
    public void The_checkpoints_here_say_what_their_documents_say()
    {
        Assert.False(TokenizerSettings.Read(Fixtures.Path("llava", "hf-mha", "tokenizer_config.json")).Legacy);
        Assert.True(TokenizerSettings.Read(
            Path.Combine(Fixtures.Repository, "models", "spot-tiny", "tokenizer_config.json")).Legacy);
    }
}
